import {
  Alert,
  Button,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
} from '@patternfly/react-core';
import { PowerOffIcon } from '@patternfly/react-icons';
import type { ReactElement } from 'react';
import { useEffect, useState } from 'react';
import type { Failure } from './cockpit.js';
import { _, cockpit } from './cockpit.js';

const UNIT = 'platdumpfs.service';
const LOOK_EVERY_MS = 2000;

/** Nothing serves dumps. Says why as far as the service manager knows, and offers to begin. */
export function NoDaemon(): ReactElement {
  const unit = useUnit();
  const [failure, setFailure] = useState('');
  const [isBusy, setBusy] = useState(false);
  const start = (): void => {
    setBusy(true);
    setFailure('');
    cockpit.spawn(['systemctl', 'enable', '--now', UNIT], { superuser: 'require', err: 'message' }).then(
      () => setBusy(false),
      ({ message }: Failure) => {
        setBusy(false);
        setFailure(message ?? _('The service could not be started.'));
      },
    );
  };
  return (
    <EmptyState titleText={_('No daemon runs')} icon={PowerOffIcon} headingLevel="h2">
      <EmptyStateBody>
        <p>
          {_(
            'Dumps wait in the hypervisor until somebody saves and removes them. None is lost while no daemon runs.',
          )}
        </p>
        {unit['LoadState'] === 'not-found' && (
          <p>{_('The service is not installed: install the package platdumpfs.')}</p>
        )}
        {unit['ActiveState'] === 'failed' && unit['ExecMainStatus'] === '3' && (
          <p>{_('The service found no firmware interface for platform dumps on this machine.')}</p>
        )}
        {unit['ActiveState'] === 'failed' && unit['ExecMainStatus'] === '4' && (
          <p>{_('The service did not start because the kernel is locked down.')}</p>
        )}
        {failure !== '' && <Alert isInline isLiveRegion component="h3" variant="danger" title={failure} />}
      </EmptyStateBody>
      <EmptyStateFooter>
        <EmptyStateActions>
          <Button
            variant="primary"
            isLoading={isBusy}
            isDisabled={isBusy || unit['LoadState'] === 'not-found'}
            onClick={start}
          >
            {_('Start and enable the service')}
          </Button>
        </EmptyStateActions>
      </EmptyStateFooter>
    </EmptyState>
  );
}

/** Properties of the unit; empty while nothing is known of it. */
function useUnit(): Readonly<Record<string, string>> {
  const [properties, setProperties] = useState<Readonly<Record<string, string>>>({});
  useEffect(() => {
    let timer: number | undefined;
    let isEnded = false;
    const look = (): void => {
      const args = [
        'systemctl',
        'show',
        UNIT,
        '--property=LoadState,ActiveState,UnitFileState,ExecMainStatus',
      ];
      const again = (found: Readonly<Record<string, string>>): void => {
        if (isEnded) return;
        setProperties(found);
        timer = window.setTimeout(look, LOOK_EVERY_MS);
      };
      cockpit.spawn(args, { superuser: 'try', err: 'ignore' }).then(
        (text) =>
          again(
            Object.fromEntries(
              text
                .trim()
                .split('\n')
                .map((line) => line.split('=', 2)),
            ),
          ),
        () => again({}),
      );
    };
    look();
    return () => {
      isEnded = true;
      window.clearTimeout(timer);
    };
  }, []);
  return properties;
}
