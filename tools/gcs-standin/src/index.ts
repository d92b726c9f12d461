export { startGcsStandin, type GcsStandin, type GcsStandinOptions, type SeenRequest } from './standin.ts';
