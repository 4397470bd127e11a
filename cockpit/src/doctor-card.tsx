import { Alert, Button, Card, CardBody, CardHeader, CardTitle, Spinner } from '@patternfly/react-core';
import type { ReactElement } from 'react';
import { useState } from 'react';
import type { Failure } from './cockpit.js';
import { _, cockpit } from './cockpit.js';
import type { Finding } from './protocol.js';

const VARIANT = { ok: 'success', note: 'info', warn: 'warning', fail: 'danger' } as const;

type State =
  | { readonly kind: 'not-asked' | 'asking' }
  | { readonly kind: 'told'; readonly findings: readonly Finding[] }
  | { readonly kind: 'failed'; readonly why: string };

/** What `platdumpfs doctor` finds, with its remedies. It looks when it is asked to, and changes nothing. */
export function DoctorCard(): ReactElement {
  const [state, setState] = useState<State>({ kind: 'not-asked' });
  const ask = (): void => {
    setState({ kind: 'asking' });
    let text = '';
    const told = (why: string): void => {
      try {
        const { findings } = JSON.parse(text) as { readonly findings: readonly Finding[] };
        setState({ kind: 'told', findings });
      } catch {
        setState({ kind: 'failed', why });
      }
    };
    // Its exit status is what it found.
    cockpit
      .spawn(['platdumpfs', 'doctor', '--json'], { superuser: 'require', err: 'message' })
      .stream((piece) => (text += piece))
      .then(
        () => told(''),
        ({ problem, message }: Failure) =>
          told(problem === 'not-found' ? _('The program platdumpfs is not installed.') : (message ?? '')),
      );
  };
  return (
    <Card isCompact component="section" aria-label={_('Checks')}>
      <CardHeader
        actions={{
          hasNoOffset: true,
          actions: (
            <Button variant="secondary" isDisabled={state.kind === 'asking'} onClick={ask}>
              {_('Check this machine')}
            </Button>
          ),
        }}
      >
        <CardTitle component="h2">{_('Checks')}</CardTitle>
      </CardHeader>
      <CardBody>
        {state.kind === 'asking' && <Spinner size="md" aria-label={_('Checking')} />}
        {state.kind === 'failed' && (
          <Alert isInline isLiveRegion component="h3" variant="danger" title={state.why} />
        )}
        {state.kind === 'told' &&
          state.findings.map(({ check, status, finding, remedy }) => (
            <Alert key={check} isInline isPlain component="h3" variant={VARIANT[status]} title={finding}>
              {remedy}
            </Alert>
          ))}
      </CardBody>
    </Card>
  );
}
