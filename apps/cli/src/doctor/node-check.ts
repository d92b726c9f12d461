import { ok, warning, type Finding } from './finding.ts';

/** The oldest version that this tool is tested with. */
const oldest = [20, 19] as const;

/** @param version as `process.versions.node`. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isRecent = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
  return isRecent
    ? ok('Node.js', version)
    : warning('Node.js', `${version} is older than what is tested`, `install ${oldest.join('.')} or newer`);
}
