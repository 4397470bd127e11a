import { Alert, Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import type { ReactElement } from 'react';
import { useState } from 'react';
import type { Failure } from './cockpit.js';
import { _, cockpit } from './cockpit.js';
import type { Dump } from './protocol.js';
import { isTag } from './protocol.js';
import type { Save } from './saves.js';

interface Props {
  readonly mountpoint: string;
  readonly dump: Dump;
  readonly saves: readonly Save[];
  close(): void;
}

/** What nobody can take back is asked for once more, beside what is known of copies. */
export function RemoveDialog({ mountpoint, dump, saves, close }: Props): ReactElement {
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState('');
  const remove = (): void => {
    // It becomes a path that root removes.
    if (!isTag(dump.tag)) return setRefusal(_('The removal failed.'));
    setBusy(true);
    setRefusal('');
    cockpit
      .spawn(['rm', '--', `${mountpoint}/${dump.tag}`], {
        superuser: 'require',
        err: 'message',
        environ: ['LC_ALL=C.UTF-8'],
      })
      .then(close, (failure: Failure) => {
        setBusy(false);
        setRefusal(explain(failure));
      });
  };
  const proof = proven(mountpoint, dump, saves);
  return (
    <Modal
      isOpen
      variant="small"
      onClose={close}
      aria-labelledby="remove-title"
      aria-describedby="remove-body"
    >
      <ModalHeader
        labelId="remove-title"
        titleIconVariant="danger"
        title={cockpit.format(_('Remove $0?'), dump.tag)}
      />
      <ModalBody id="remove-body">
        <p>{_('The hypervisor forgets this dump for good; nobody can bring it back.')}</p>
        <Alert isInline component="h2" variant={proof.isCopy ? 'success' : 'warning'} title={proof.text} />
        {refusal !== '' && <Alert isInline isLiveRegion component="h2" variant="danger" title={refusal} />}
      </ModalBody>
      <ModalFooter>
        <Button variant="danger" isLoading={isBusy} isDisabled={isBusy} onClick={remove}>
          {_('Remove')}
        </Button>
        <Button variant="link" onClick={close}>
          {_('Cancel')}
        </Button>
      </ModalFooter>
    </Modal>
  );
}

function proven(
  mountpoint: string,
  { tag, state, sha256 }: Dump,
  saves: readonly Save[],
): { readonly isCopy: boolean; readonly text: string } {
  for (const { mountpoint: from, saved } of saves) {
    const copy = saved.get(tag);
    // The tag may be another dump's by now, and each mount has tags of its own.
    if (copy !== undefined && from === mountpoint && copy.sha256 === sha256)
      return { isCopy: true, text: cockpit.format(_('Saved and verified as $0.'), copy.path) };
  }
  if (state === 'complete')
    return { isCopy: false, text: _('It was read completely. Whether a copy is on disk is not proven.') };
  return { isCopy: false, text: _('Nothing is proven: it was not read completely. The mount will refuse.') };
}

/** As the mount refuses. @see docs/errors.md */
function explain({ message = '' }: Failure): string {
  if (message.includes('Device or resource busy'))
    return _(
      'Refused: not every byte was delivered, it is not saved, or another program holds it. Save it first.',
    );
  if (message.includes('Operation not permitted'))
    return _('Refused: this mount removes nothing (--unlink=never), or the platform does not allow it.');
  if (message.includes('Read-only file system')) return _('Refused: mounted read-only.');
  if (message.includes('No such file')) return _('It is not there any more.');
  return message.trim() || _('The removal failed.');
}
