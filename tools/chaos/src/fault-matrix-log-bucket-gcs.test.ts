import { describeLayer } from './fault-matrix.test-help.ts';

describeLayer('log bucket in Cloud Storage');
