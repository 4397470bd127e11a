import {
  Alert,
  Button,
  Card,
  CardBody,
  CardHeader,
  CardTitle,
  List,
  ListItem,
  Progress,
} from '@patternfly/react-core';
import type { ReactElement } from 'react';
import { _, cockpit } from './cockpit.js';
import type { Save } from './saves.js';
import { durationText } from './text.js';

interface Props {
  readonly save: Save;
  dismiss(): void;
}

/** How far one `platdumpfs save` has come, and what it has made. */
export function SaveCard({ save, dismiss }: Props): ReactElement {
  const isRunning = save.outcome === 'running';
  return (
    <Card isCompact component="section" aria-label={_('Saving')}>
      <CardHeader
        actions={{
          hasNoOffset: true,
          actions: isRunning ? (
            <Button variant="secondary" onClick={() => save.cancel()}>
              {_('Cancel')}
            </Button>
          ) : (
            <Button variant="link" onClick={dismiss}>
              {_('Dismiss')}
            </Button>
          ),
        }}
      >
        <CardTitle component="h2">{title(save)}</CardTitle>
      </CardHeader>
      <CardBody>
        {isRunning && <Running save={save} />}
        {save.outcome === 'done' && (
          <Alert isInline isLiveRegion component="h3" variant="success" title={title(save)} />
        )}
        {save.message !== '' && (
          <Alert
            isInline
            isLiveRegion
            component="h3"
            variant={save.outcome === 'failed' ? 'danger' : 'info'}
            title={save.message}
          />
        )}
        <List isPlain>
          {[...save.saved].map(([tag, { path, sha256 }]) => (
            <ListItem key={tag}>
              {path} <span className="digest">SHA-256 {sha256}</span>
            </ListItem>
          ))}
        </List>
      </CardBody>
    </Card>
  );
}

function title({ outcome, saved, tags, directory }: Save): string {
  if (outcome === 'running')
    return cockpit.format(_('Saving into $0: $1 of $2 done'), directory, saved.size, tags.length);
  return cockpit.format(_('Saved into $0: $1 of $2'), directory, saved.size, tags.length);
}

function Running({ save }: { readonly save: Save }): ReactElement {
  const { current, done, total, rate, remainingS } = save;
  if (current === undefined) return <p>{_('Waiting for the first bytes…')}</p>;
  const rest = remainingS === undefined ? '' : cockpit.format(_('$0 left'), durationText(remainingS));
  return (
    <Progress
      title={current}
      value={total > 0 ? Math.floor((100 * done) / total) : 0}
      helperText={`${cockpit.format_bytes_per_sec(Math.round(rate))} ${rest}`}
    />
  );
}
