import { describe, expect, test } from 'vitest';
import { Listeners } from '../../../src/base/listeners.js';

describe('Listeners', () => {
  test('calls every subscriber, in order of subscription', () => {
    const listeners = new Listeners<string>();
    const heard: string[] = [];
    listeners.subscribe((event) => heard.push(`first ${event}`));
    listeners.subscribe((event) => heard.push(`second ${event}`));
    listeners.emit('a');
    listeners.emit('b');
    expect(heard).toEqual(['first a', 'second a', 'first b', 'second b']);
  });

  test('stops calling who unsubscribed, and only them', () => {
    const listeners = new Listeners<number>();
    const heard: string[] = [];
    const leave = listeners.subscribe((event) => heard.push(`leaves ${event}`));
    listeners.subscribe((event) => heard.push(`stays ${event}`));
    leave();
    leave();
    listeners.emit(1);
    expect(heard).toEqual(['stays 1']);
  });

  test('a listener may unsubscribe and subscribe others while it is called', () => {
    const listeners = new Listeners<number>();
    const heard: string[] = [];
    const leave = listeners.subscribe((event) => {
      heard.push(`once ${event}`);
      leave();
      listeners.subscribe((later) => heard.push(`late ${later}`));
    });
    listeners.subscribe((event) => heard.push(`other ${event}`));
    listeners.emit(1);
    expect(heard).toEqual(['once 1', 'other 1']);
    listeners.emit(2);
    expect(heard).toEqual(['once 1', 'other 1', 'other 2', 'late 2']);
  });
});
