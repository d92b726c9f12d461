import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const commands = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * Why tests in a browser are to be skipped: what it takes to run them. Undefined when it is here, and also when
 * OMS_SYNC_PEERS=required asks for all that tools/peers/install.sh installs: then {@link startChromium} fails.
 */
export function whyNoChromium(): string | undefined {
  return process.env['OMS_SYNC_PEERS'] === 'required' || findChromium() !== undefined
    ? undefined
    : 'needs Chromium: apt-get install chromium';
}

/** @throws if it is not installed, or does not start. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium() ?? 'chromium',
    // The tests run as root in CI, where the sandbox does not start; the pages are our own.
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
}

function findChromium(): string | undefined {
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
