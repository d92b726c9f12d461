import { describeLayer } from './fault-matrix.test-help.ts';

describeLayer('OMS');
