import {
  Alert,
  Button,
  Form,
  FormGroup,
  FormHelperText,
  HelperText,
  HelperTextItem,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
  TextInput,
} from '@patternfly/react-core';
import type { ReactElement } from 'react';
import { useState } from 'react';
import { _, cockpit } from './cockpit.js';

interface Props {
  readonly tags: readonly string[];
  save(directory: string): void;
  close(): void;
}

/** Asks where copies go. The program checks the directory; what is checked here is only what a typing mistake would be. */
export function SaveDialog({ tags, save, close }: Props): ReactElement {
  const [directory, setDirectory] = useState('/var/log/dump');
  const isPath = directory.startsWith('/');
  return (
    <Modal isOpen variant="small" onClose={close} aria-labelledby="save-title">
      <ModalHeader
        labelId="save-title"
        title={cockpit.format(cockpit.ngettext('Save $0 dump', 'Save $0 dumps', tags.length), tags.length)}
      />
      <ModalBody>
        <Form
          onSubmit={(event) => {
            event.preventDefault();
            if (isPath) save(directory);
          }}
        >
          <FormGroup label={_('Directory on this machine')} fieldId="save-directory">
            <TextInput
              id="save-directory"
              value={directory}
              validated={isPath ? 'default' : 'error'}
              onChange={(_event, value) => setDirectory(value)}
            />
            <FormHelperText>
              <HelperText>
                <HelperTextItem variant={isPath ? 'default' : 'error'}>
                  {isPath
                    ? _('It has to exist. Each copy is complete, compared and on disk, or it is not made.')
                    : _('A path begins with /')}
                </HelperTextItem>
              </HelperText>
            </FormHelperText>
          </FormGroup>
          <Alert
            isInline
            isPlain
            component="h2"
            variant="info"
            title={_('Saving goes on while this page is open. It removes nothing.')}
          />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button variant="primary" isDisabled={!isPath} onClick={() => save(directory)}>
          {_('Save')}
        </Button>
        <Button variant="link" onClick={close}>
          {_('Cancel')}
        </Button>
      </ModalFooter>
    </Modal>
  );
}
