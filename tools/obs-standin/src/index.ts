export { Catalog } from './catalog.ts';
export { Faults, type Fault, type FaultOperation } from './faults.ts';
export { startObsStandin, type ObsStandin, type ObsStandinOptions, type SeenRequest } from './standin.ts';
export { sha256, signV4 } from './signature-v4.ts';
