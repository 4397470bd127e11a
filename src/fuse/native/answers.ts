import type { Answer } from '../../fs/index.js';

/** Goes on with an answer: at once when it is there, without a turn of the event loop. */
export function andThen<T, U>(answer: Answer<T>, next: (value: T) => Answer<U>): Answer<U> {
  return answer instanceof Promise ? answer.then(next) : next(answer);
}

/** Runs `finish` when the work is done, well or badly. */
export function finallyDo<T>(work: () => Answer<T>, finish: () => void): Answer<T> {
  let answer: Answer<T>;
  try {
    answer = work();
  } catch (error) {
    finish();
    throw error;
  }
  if (answer instanceof Promise) return answer.finally(finish);
  finish();
  return answer;
}
