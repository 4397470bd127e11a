import {
  Alert,
  Button,
  Card,
  CardBody,
  CardHeader,
  CardTitle,
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
  EmptyState,
  EmptyStateBody,
} from '@patternfly/react-core';
import { CheckCircleIcon, LockIcon } from '@patternfly/react-icons';
import type { ReactElement } from 'react';
import { useState } from 'react';
import { _, cockpit } from './cockpit.js';
import type { Daemon } from './daemon.js';
import { DumpTable } from './dump-table.js';
import type { Dump } from './protocol.js';
import { RatePlot } from './rate-plot.js';
import { bytesText } from './text.js';

interface Props {
  readonly daemon: Daemon;
  readonly nowMs: number;
  save(daemon: Daemon, tags: readonly string[]): void;
  remove(daemon: Daemon, dump: Dump): void;
}

/** One mount: what it is, and the dumps in it. */
export function DaemonCard({ daemon, nowMs, save, remove }: Props): ReactElement {
  const [selected, select] = useState<ReadonlySet<string>>(new Set());
  const dumps = [...daemon.dumps.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const chosen = dumps.map(({ tag }) => tag).filter((tag) => selected.has(tag));
  return (
    <Card component="section" aria-label={daemon.mountpoint}>
      <CardHeader
        actions={{
          hasNoOffset: true,
          actions: (
            <Button
              variant="primary"
              isDisabled={chosen.length === 0 || daemon.phase !== 'serving'}
              onClick={() => save(daemon, chosen)}
            >
              {chosen.length === 0
                ? _('Save selected')
                : cockpit.format(_('Save selected ($0)'), chosen.length)}
            </Button>
          ),
        }}
      >
        <CardTitle component="h2">{daemon.mountpoint}</CardTitle>
      </CardHeader>
      <CardBody>
        <About daemon={daemon} />
        {daemon.phase === 'serving' && dumps.length > 0 ? (
          <DumpTable
            mountpoint={daemon.mountpoint}
            dumps={dumps}
            selected={selected}
            nowMs={nowMs}
            select={select}
            save={(tags) => save(daemon, tags)}
            remove={(dump) => remove(daemon, dump)}
          />
        ) : (
          <Instead daemon={daemon} />
        )}
      </CardBody>
    </Card>
  );
}

function Instead({ daemon: { phase } }: { readonly daemon: Daemon }): ReactElement | null {
  switch (phase) {
    case 'locked':
      return (
        <EmptyState titleText={_('Locked down')} icon={LockIcon} headingLevel="h3">
          <EmptyStateBody>
            {_(
              'Kernel lockdown is at confidentiality: nothing of a dump is shown until the machine is started again without it. No dump is lost.',
            )}
          </EmptyStateBody>
        </EmptyState>
      );
    case 'silent':
      return <Alert isInline component="h3" variant="danger" title={_('The daemon does not answer.')} />;
    case 'serving':
      return (
        <EmptyState titleText={_('No dump waits')} icon={CheckCircleIcon} headingLevel="h3">
          <EmptyStateBody>{_('A dump that firmware announces appears here by itself.')}</EmptyStateBody>
        </EmptyState>
      );
    default:
      return null;
  }
}

function About({
  daemon: { status, phase, metrics, callRates },
}: {
  readonly daemon: Daemon;
}): ReactElement | null {
  if (status === undefined) return null;
  const bytes = (name: string): string | undefined => {
    const value = metrics.get(name);
    return value === undefined ? undefined : bytesText(value);
  };
  const lockdown =
    status.lockdown === 'ignore' ? _('ignored') : phase === 'locked' ? _('confidentiality') : _('enforced');
  const facts: readonly (readonly [string, string | undefined])[] = [
    [_('Source'), status.source === 'sim' ? _('simulated hypervisor') : status.source],
    [_('Transport'), status.transport],
    [_('Lockdown'), lockdown],
    [_('Cache'), bytes('platdumpfs_cache_bytes')],
    [_('Spool'), bytes('platdumpfs_spool_bytes')],
    [_('Version'), status.version],
  ];
  return (
    <DescriptionList isHorizontal isCompact columnModifier={{ md: '2Col', xl: '3Col' }}>
      {facts.map(([term, value]) =>
        value === undefined ? null : (
          <DescriptionListGroup key={term}>
            <DescriptionListTerm>{term}</DescriptionListTerm>
            <DescriptionListDescription>{value}</DescriptionListDescription>
          </DescriptionListGroup>
        ),
      )}
      {callRates.length > 1 && (
        <DescriptionListGroup>
          <DescriptionListTerm>{_('Firmware calls a second')}</DescriptionListTerm>
          <DescriptionListDescription>
            <RatePlot rates={callRates} />
          </DescriptionListDescription>
        </DescriptionListGroup>
      )}
    </DescriptionList>
  );
}
