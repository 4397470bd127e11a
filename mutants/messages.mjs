// Stryker plugin: what a message says is for people, and no mutant.
import { PluginKind, declareValuePlugin } from '@stryker-mutator/api/plugin';

const isProse = (text) => text.includes(' ');

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'messages', {
    shouldIgnore(path) {
      if (path.isStringLiteral() && isProse(path.node.value)) return 'a message';
      if (path.isTemplateLiteral() && path.node.quasis.some(({ value }) => isProse(value.raw)))
        return 'a message';
      return undefined;
    },
  }),
];
