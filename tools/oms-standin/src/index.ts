export { startOmsStandin, type NewSyncTask, type OmsStandin, type OmsStandinOptions } from './standin.ts';
export type { MigrationTask } from './migration-tasks.ts';
export type { OverwriteMode } from './sync-tasks.ts';
export type { ReceivedEvents } from './routes.ts';
export type {
  AnswerFault,
  BlackHoleFault,
  Fault,
  FaultScope,
  FaultSwitch,
  GarbageFault,
  ResetFault,
  SlowFault,
  TruncatedFault,
} from './faults.ts';
