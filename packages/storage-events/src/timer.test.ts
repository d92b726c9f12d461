import { describe, expect, it } from 'vitest';
import { isTimerTriggerEvent } from './timer.ts';

describe('the TIMER trigger of FunctionGraph', () => {
  it.each([
    [{ version: 'v1.0', trigger_type: 'TIMER', trigger_name: 'replay', user_event: '' }, true],
    [{ trigger_type: 'OBS' }, false],
    [{ triggerType: 'TIMER' }, false],
    [{}, false],
    [null, false],
    ['TIMER', false],
  ])('is told from others: %j', (event, is) => {
    expect(isTimerTriggerEvent(event)).toBe(is);
  });
});
