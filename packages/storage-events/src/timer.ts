import { getText } from './json.ts';

/** Is it what FunctionGraph's TIMER trigger delivers? Source: FunctionGraph, "Supported event sources", timer. */
export function isTimerTriggerEvent(event: unknown): boolean {
  return getText(event, 'trigger_type') === 'TIMER';
}
