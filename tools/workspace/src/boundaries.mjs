// Fails when a project imports what it must not: a part of the lint.
// Reads what each source file imports (esbuild's own analysis: static, dynamic and required), and holds it against
//   1. package.json: what is imported is declared there, so that Nx's project graph is true;
//   2. the rules below, by the tags in package.json ("nx": {"tags": …});
//   3. the folders: a relative import stays in its project.
import { readdir, readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';

/**
 * What projects with a tag may import: other projects by tag, packages by name. A project with several of these tags
 * obeys all of their rules; `undefined` is "no rule".
 * @type {Record<string, { projects?: string[], packages?: string[] }>}
 */
const rules = {
  'type:package': { projects: ['type:package'] },
  'type:app': { projects: ['type:package'] },
  'type:tool': { projects: ['type:package', 'type:tool', 'type:testing'] },
  'type:testing': { projects: [] },
  'name:core': { projects: [], packages: ['node:', 'p-limit'] },
  'name:storage-events': { projects: [], packages: [] },
  'name:log-bucket': { projects: ['name:core'] },
  'platform:functiongraph': { packages: ['node:'] },
  'platform:aws-lambda': { packages: ['node:'] },
  'platform:azure-functions': { packages: ['node:', '@azure/functions'] },
  'platform:gcf': { packages: ['node:'] },
  'platform:cli': {},
  'platform:sync-service': {},
  'name:listing': { projects: ['name:core', 'name:log-bucket'] },
};

/** Tests may besides import what helps testing, run the stand-ins, and use any package that is declared for them. */
const testRules = { projects: ['type:testing', 'type:tool'] };

/**
 * @typedef {{ name: string, folder: string, tags: string[], dependencies: string[], devDependencies: string[] }} Project
 * @typedef {{ file: string, specifier: string, external: boolean }} Import
 */

const root = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, '../../..'));
const workspace = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
const projects = await readProjects();
const problems = (await Promise.all(projects.map(checkProject))).flat();
for (const problem of problems) console.error(problem);
console.log(`boundaries: ${projects.length} projects, ${problems.length} forbidden imports`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** @returns {Promise<Project[]>} */
async function readProjects() {
  const found = [];
  for (const pattern of workspace.workspaces) {
    const parent = pattern.replace(/\/\*$/, '');
    for (const entry of await readdir(path.join(root, parent))) {
      const folder = path.join(root, parent, entry);
      const manifest = await readFile(path.join(folder, 'package.json'), 'utf8').catch(() => undefined);
      if (manifest === undefined) continue; // tools/workspace: scripts, no project.
      const { name, nx, dependencies = {}, devDependencies = {} } = JSON.parse(manifest);
      found.push({
        name,
        folder,
        tags: nx.tags,
        dependencies: Object.keys(dependencies),
        devDependencies: Object.keys(devDependencies),
      });
    }
  }
  return found;
}

/** @param {Project} project */
async function checkProject(project) {
  const found = [];
  for (const { file, specifier, external } of await readImports(project)) {
    const where = `${path.relative(root, file)}: import of "${specifier}"`;
    // A page is built into a file for browsers: nobody who runs the app needs what it is made of.
    const isPage = /\/page\/[^/]+\.ts$/.test(file);
    const isTest = /\.test(-help)?\.ts$|\/suite\.ts$/.test(file);
    if (!external) {
      found.push(`${where}: leaves its project; import the package instead`);
      continue;
    }
    const name = packageOf(specifier);
    const other = projects.find((candidate) => candidate.name === name);
    const declared = [
      ...project.dependencies,
      ...(isTest || isPage ? project.devDependencies : []),
      ...(isTest ? Object.keys(workspace.devDependencies) : []),
    ];
    if (name !== 'node:' && name !== project.name && !declared.includes(name)) {
      found.push(`${where}: not declared in ${path.relative(root, project.folder)}/package.json`);
    }
    for (const tag of project.tags) {
      const rule = rules[tag];
      if (rule === undefined) {
        found.push(`${project.name}: the tag "${tag}" has no rule in tools/workspace/src/boundaries.mjs`);
      } else if (
        !isAllowed(rule, name, other, project) &&
        !(isTest && isAllowed(testRules, name, other, project))
      ) {
        found.push(`${where}: forbidden for "${tag}"`);
      }
    }
  }
  return [...new Set(found)];
}

/**
 * @param {{ projects?: string[], packages?: string[] }} rule
 * @param {string} name
 * @param {Project | undefined} other
 * @param {Project} project
 */
function isAllowed(rule, name, other, project) {
  if (name === project.name) return true;
  if (other === undefined) return rule.packages === undefined || rule.packages.includes(name);
  return rule.projects === undefined || rule.projects.some((tag) => other.tags.includes(tag));
}

/** @param {string} specifier */
function packageOf(specifier) {
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return 'node:';
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/**
 * Everything that the project's files import from outside of the project.
 * @param {Project} project
 * @returns {Promise<Import[]>}
 */
async function readImports(project) {
  const files = (await readdir(path.join(project.folder, 'src'), { recursive: true }))
    .filter((file) => /\.[cm]?[jt]s$/.test(file) && !file.endsWith('.d.ts'))
    .map((file) => path.join(project.folder, 'src', file));
  /** @type {Import[]} */
  const imports = [];
  await build({
    entryPoints: files,
    bundle: true,
    write: false,
    outdir: root,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    plugins: [
      {
        name: 'imports',
        setup(esbuild) {
          esbuild.onResolve({ filter: /.*/ }, ({ path: specifier, importer, resolveDir, kind }) => {
            if (kind === 'entry-point') return undefined;
            const relative = /^\.{0,2}\//.test(specifier);
            const target = path.relative(project.folder, path.resolve(resolveDir, specifier));
            if (!relative || target.startsWith('..') || path.isAbsolute(target)) {
              imports.push({ file: importer, specifier, external: !relative });
            }
            return { external: true, path: specifier };
          });
        },
      },
    ],
  });
  return imports;
}
