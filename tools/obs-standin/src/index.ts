export type { Fault, FaultOperation } from './faults.ts';
export { startObsStandin, type ObsStandin, type ObsStandinOptions, type SeenRequest } from './standin.ts';
