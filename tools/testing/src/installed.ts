import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** A program that tests need and npm does not bring; tools/peers/install.sh installs it. */
export interface Program {
  readonly title: string;
  /** Its names in the PATH. */
  readonly commands: readonly string[];
  readonly debianPackage: string;
}

export const chromium: Program = {
  title: 'Chromium',
  commands: ['chromium', 'chromium-browser', 'google-chrome'],
  debianPackage: 'chromium',
};

/**
 * Why tests with a program are to be skipped: what it takes to run them. Undefined when it is here, and also when
 * OMS_SYNC_PEERS=required asks for all that tools/peers/install.sh installs: then they fail.
 */
export function whyNot(program: Program): string | undefined {
  return process.env['OMS_SYNC_PEERS'] === 'required' || findProgram(program) !== undefined
    ? undefined
    : `needs ${program.title}: apt-get install ${program.debianPackage}`;
}

/** How `playwright-core` launches Chromium here. */
export function chromiumOptions(): { readonly executablePath: string; readonly args: string[] } {
  return {
    executablePath: findProgram(chromium) ?? 'chromium',
    // The tests run as root in CI, where the sandbox does not start; the pages are our own.
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  };
}

function findProgram({ commands }: Program): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  return folders
    .flatMap((folder) => commands.map((command) => path.join(folder, command)))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false; // Not there: the caller says what is missing.
      }
    });
}
