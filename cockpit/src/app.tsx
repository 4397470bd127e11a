import {
  Bullseye,
  EmptyState,
  EmptyStateBody,
  Page,
  PageSection,
  Spinner,
  Stack,
  StackItem,
} from '@patternfly/react-core';
import { LockIcon } from '@patternfly/react-icons';
import type { ReactElement } from 'react';
import { useEffect, useReducer, useRef, useState } from 'react';
import { _, cockpit } from './cockpit.js';
import type { Daemon } from './daemon.js';
import { DaemonCard } from './daemon-card.js';
import { Daemons } from './daemons.js';
import { DoctorCard } from './doctor-card.js';
import { NoDaemon } from './no-daemon.js';
import type { Dump } from './protocol.js';
import { RemoveDialog } from './remove-dialog.js';
import { SaveCard } from './saves-card.js';
import { SaveDialog } from './save-dialog.js';
import { Save } from './saves.js';

/** How often "announced 5 minutes ago" is looked at again. */
const CLOCK_MS = 15_000;

type Dialog =
  | { readonly kind: 'save'; readonly daemon: Daemon; readonly tags: readonly string[] }
  | { readonly kind: 'remove'; readonly daemon: Daemon; readonly dump: Dump };

export function App(): ReactElement {
  const isAdmin = useAdmin();
  return (
    <Page className="pf-m-no-sidebar">
      <PageSection hasBodyWrapper={false} aria-label={_('Platform dumps')}>
        <h1 className="pf-v6-screen-reader">{_('Platform dumps')}</h1>
        {isAdmin === null ? <Waiting /> : isAdmin ? <Dumps /> : <NotAdmin />}
      </PageSection>
    </Page>
  );
}

function Waiting(): ReactElement {
  return (
    <Bullseye>
      <Spinner aria-label={_('Loading')} />
    </Bullseye>
  );
}

function NotAdmin(): ReactElement {
  return (
    <EmptyState titleText={_('Administrative access is needed')} icon={LockIcon} headingLevel="h2">
      <EmptyStateBody>
        {_(
          'Dumps hold memory of everything that ran on this machine. Turn on administrative access in the bar above.',
        )}
      </EmptyStateBody>
    </EmptyState>
  );
}

function Dumps(): ReactElement {
  const [, changed] = useReducer((count: number) => count + 1, 0);
  const daemons = useDaemons(changed);
  const nowMs = useClock();
  const [saves, setSaves] = useState<readonly Save[]>([]);
  const [dialog, setDialog] = useState<Dialog>();
  const list = daemons?.list ?? [];
  const lockedMounts = list.filter(({ phase }) => phase === 'locked').map(({ mountpoint }) => mountpoint);
  const isShown = (mountpoint: string): boolean => !lockedMounts.includes(mountpoint);
  useEffect(() => {
    // Tags, names and digests of a mount that is locked by now.
    const hidden = saves.filter(({ mountpoint }) => !isShown(mountpoint));
    for (const save of hidden) save.forget();
    if (hidden.length > 0) setSaves(saves.filter(({ mountpoint }) => isShown(mountpoint)));
    if (dialog !== undefined && dialog.daemon.phase !== 'serving') setDialog(undefined);
  });
  useLeaveWarning(saves.some(({ outcome }) => outcome === 'running'));

  if (daemons === undefined || !daemons.isKnown) return <Waiting />;
  const begin = (daemon: Daemon, tags: readonly string[], directory: string): void => {
    setSaves([...saves, new Save(daemon.mountpoint, tags, directory, changed)]);
    setDialog(undefined);
  };
  return (
    <>
      <Stack hasGutter>
        {saves
          .filter(({ mountpoint }) => isShown(mountpoint))
          .map((save, index) => (
            <StackItem key={index}>
              <SaveCard save={save} dismiss={() => setSaves(saves.filter((other) => other !== save))} />
            </StackItem>
          ))}
        {list.length === 0 && (
          <StackItem>
            <NoDaemon />
          </StackItem>
        )}
        {list.map((daemon) => (
          <StackItem key={`${daemon.socket} ${daemon.phase === 'locked' ? 'locked' : ''}`}>
            <DaemonCard
              daemon={daemon}
              nowMs={nowMs}
              save={(of, tags) => setDialog({ kind: 'save', daemon: of, tags })}
              remove={(of, dump) => setDialog({ kind: 'remove', daemon: of, dump })}
            />
          </StackItem>
        ))}
        <StackItem>
          <DoctorCard />
        </StackItem>
      </Stack>
      {dialog?.kind === 'save' && (
        <SaveDialog
          tags={dialog.tags}
          save={(directory) => begin(dialog.daemon, dialog.tags, directory)}
          close={() => setDialog(undefined)}
        />
      )}
      {dialog?.kind === 'remove' && (
        <RemoveDialog
          mountpoint={dialog.daemon.mountpoint}
          dump={dialog.daemon.dumps.get(dialog.dump.tag) ?? dialog.dump}
          saves={saves}
          close={() => setDialog(undefined)}
        />
      )}
    </>
  );
}

function useAdmin(): boolean | null {
  const [allowed, setAllowed] = useState<boolean | null>(null);
  useEffect(() => {
    const permission = cockpit.permission({ admin: true });
    permission.addEventListener('changed', () => setAllowed(permission.allowed));
    setAllowed(permission.allowed);
    return () => permission.close();
  }, []);
  return allowed;
}

function useDaemons(changed: () => void): Daemons | undefined {
  const daemons = useRef<Daemons>(undefined);
  useEffect(() => {
    const opened = new Daemons(changed);
    daemons.current = opened;
    return () => opened.close();
  }, [changed]);
  return daemons.current;
}

function useClock(): number {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNowMs(Date.now()), CLOCK_MS);
    return () => window.clearInterval(timer);
  }, []);
  return nowMs;
}

/** Leaving ends what is being saved. */
function useLeaveWarning(isSaving: boolean): void {
  useEffect(() => {
    if (!isSaving) return undefined;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [isSaving]);
}
