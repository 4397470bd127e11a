import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { DRIVER } from '../src/settings.js';

const require = createRequire(import.meta.url);
const DIRECTORY = resolve(import.meta.dirname, '../../packaging/kubernetes');

/** By path: the package names its models only. */
const SCHEMAS = resolve(import.meta.dirname, '../node_modules/kubernetes-models/_schemas');

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: { readonly name?: string };
  readonly [key: string]: unknown;
}
type Validate = ((data: unknown) => boolean) & { readonly errors?: readonly unknown[] };

/**
 * Of kustomize and of OpenShift no schema is to be had: the keys that they know, each with the type of its value.
 *
 * @see openshift/api, security/v1/types.go; kubernetes-sigs/kustomize, api/types/kustomization.go
 */
const KEYS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  Kustomization: { string: ['namespace'], array: ['resources', 'images'] },
  SecurityContextConstraints: {
    boolean: [
      'allowPrivilegedContainer',
      'allowPrivilegeEscalation',
      'allowHostDirVolumePlugin',
      'allowHostIPC',
      'allowHostNetwork',
      'allowHostPID',
      'allowHostPorts',
      'readOnlyRootFilesystem',
    ],
    array: [
      'allowedCapabilities',
      'defaultAddCapabilities',
      'requiredDropCapabilities',
      'seccompProfiles',
      'users',
      'groups',
      'volumes',
    ],
    object: ['metadata', 'fsGroup', 'runAsUser', 'seLinuxContext', 'supplementalGroups'],
  },
};
const WITHOUT_SCHEMA = new Set(Object.keys(KEYS));

const files = readdirSync(DIRECTORY, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.yaml'),
);
const manifests = files.flatMap((file) => documentsOf(file).map((manifest) => ({ file, manifest })));

function documentsOf(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(join(DIRECTORY, file), 'utf8')).map(
    (document) => document.toJS() as Manifest,
  );
}

/** `apps/v1` and `DaemonSet`: IoK8sApiAppsV1DaemonSet. */
function validatorOf({ apiVersion, kind }: Manifest): Validate {
  const words = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  const [group = '', version = ''] = words;
  const name = [group.split('.')[0] ?? '', version, kind].map(
    (word) => word.charAt(0).toUpperCase() + word.slice(1),
  );
  const file = join(SCHEMAS, `IoK8sApi${name.join('')}.js`);
  return (require(file) as { readonly validate: Validate }).validate;
}

/** What is wrong: errors of the schema, and keys at which its validator never looks, since the schema does not know them. */
function problemsOf(manifest: Manifest): unknown[] {
  const unread = new Set<string>();
  const validate = validatorOf(manifest);
  const isValid = validate(watched(manifest, '', unread));
  return isValid ? [...unread] : [...(validate.errors ?? [])];
}

function watched(value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const children = new Map<string, unknown>();
  for (const [key, child] of Object.entries(value)) {
    const place = `${path}/${key}`;
    if (!Array.isArray(value)) unread.add(place);
    children.set(key, watched(child, place, unread));
  }
  return new Proxy(value, {
    get: (target, key) => {
      unread.delete(`${path}/${String(key)}`);
      return children.has(String(key)) ? children.get(String(key)) : (Reflect.get(target, key) as unknown);
    },
  });
}

describe('manifests', () => {
  const withSchema = manifests.filter(({ manifest }) => !WITHOUT_SCHEMA.has(manifest.kind));

  test.each(withSchema.map(({ file, manifest }) => [file, manifest.kind, manifest] as const))(
    '%s: the API knows this %s and each of its keys',
    (_file, _kind, manifest) => {
      expect(problemsOf(manifest)).toEqual([]);
    },
  );

  const withoutSchema = manifests.filter(({ manifest }) => WITHOUT_SCHEMA.has(manifest.kind));

  test.each(withoutSchema.map(({ file, manifest }) => [file, manifest] as const))(
    '%s: has no key that is unknown, and no value of another type',
    (_file, manifest) => {
      const { kind, ...rest } = manifest;
      const types = Object.fromEntries(
        Object.entries(KEYS[kind] ?? {}).flatMap(([type, keys]) => keys.map((key) => [key, type])),
      );
      for (const [key, value] of Object.entries(rest).filter(([name]) => name !== 'apiVersion'))
        expect([key, Array.isArray(value) ? 'array' : typeof value]).toEqual([key, types[key]]);
    },
  );

  test('an unknown key is found, and a wrong type', () => {
    const daemon = manifests.find(({ file }) => file === 'base/daemon.yaml')?.manifest;
    const text = JSON.stringify(daemon);
    const unknown = JSON.parse(text.replace('"mountPropagation"', '"mountPropagated"')) as Manifest;
    expect(problemsOf(unknown)).toEqual([expect.stringMatching(/\/mountPropagated$/)]);
    const wrong = JSON.parse(text.replace('"privileged":true', '"privileged":"yes"')) as Manifest;
    expect(problemsOf(wrong)).not.toEqual([]);
  });

  test('each file is part of a kustomization or an example', () => {
    const named = manifests.flatMap(({ file, manifest }) =>
      manifest.kind === 'Kustomization'
        ? (manifest['resources'] as string[]).map((name) => join(file, '..', name))
        : [],
    );
    const alone = files.filter((file) => !file.endsWith('kustomization.yaml') && !named.includes(file));
    expect(alone).toEqual(['example-pod.yaml']);
  });

  test('the driver has one name', () => {
    expect(manifests.find(({ manifest }) => manifest.kind === 'CSIDriver')?.manifest.metadata?.name).toBe(
      DRIVER,
    );
    expect(readFileSync(join(DIRECTORY, 'example-pod.yaml'), 'utf8')).toContain(`driver: ${DRIVER}\n`);
  });

  test('daemon and plugin are not one pod: an upgrade of the plugin leaves readers alone', () => {
    const sets = manifests
      .filter(({ manifest }) => manifest.kind === 'DaemonSet')
      .map(({ manifest }) => manifest.metadata?.name);
    expect(sets).toEqual(['platdumpfs-daemon', 'platdumpfs-plugin']);
  });
});
