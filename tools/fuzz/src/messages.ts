import type { EntryPointName } from './entry-point.ts';

/** The service gets so many inputs side by side; they are seen again together. */
export const inputsInAGroup = 25;

/** What a bench is told. */
export interface BenchData {
  readonly entryPoint: EntryPointName;
  readonly seed: number;
  /** Which inputs: from, and to but not with. */
  readonly from: number;
  readonly to: number;
  readonly root: string;
  /** For the log bucket; emptied after each input. */
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  /** A file that always holds the number of the input that it is at: whoever crashes cannot say so. */
  readonly progress: string;
}

/** What a bench says. */
export type BenchMessage =
  | { readonly kind: 'progress'; readonly done: number; readonly grownBytes: number }
  | {
      readonly kind: 'failure';
      readonly index: number;
      readonly problems: readonly string[];
      /** The shrunk input, and what was seen of it. */
      readonly report: string;
    }
  | {
      readonly kind: 'end';
      readonly outcomes: Readonly<Record<string, number>>;
      readonly slowestMs: number;
      readonly grownBytes: number;
    };
