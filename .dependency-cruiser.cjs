// Which file may import which: docs/architecture.md in a form that fails the build.
// Tests are free to wire the parts together, so they are not judged.

/** A workspace, seen from inside its own package or through the package's name. */
const anyPackage = '^((proto|server|client|agent|cli|examples|bench|test)/|@roster/)'
const doors = ['grpc', 'xds', 'http']
const storePort = 'server/src/store/store\\.ts$'
const model = 'server/src/model/'
const proto = '(proto/|@roster/proto$)'
const client = '(client/|@roster/client$)'
const agent = '(agent/|@roster/agent$)'
const server = '(server/|@roster/server$)'

/** Of this repository, `from` imports itself and `allowed`, and nothing else. */
const only = (name, from, ...allowed) => ({
  name,
  severity: 'error',
  from: { path: `^${from}` },
  to: { path: anyPackage, pathNot: [from, ...allowed].map((path) => `^${path}`) },
})

/** `path` is imported by `from` and by nobody else. */
const keptIn = (name, path, from) => ({
  name,
  severity: 'error',
  from: { pathNot: from },
  to: { path },
})

module.exports = {
  forbidden: [
    {
      name: 'no cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'every import leads somewhere',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'what ships needs no development dependency',
      severity: 'error',
      from: { path: '^(proto|server|client|agent|cli)/src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    only('model knows nothing', model),
    {
      name: 'model needs no package',
      severity: 'error',
      from: { path: `^${model}` },
      to: { path: '(^|/)node_modules/' },
    },
    only('the store port knows the model', 'server/src/store/[^/]+\\.ts$', model),
    only(
      'an engine knows the port',
      'server/src/store/sqlite/',
      'server/src/store/[^/]+\\.ts$',
      model,
    ),
    only('the registry knows the port', 'server/src/registry/', storePort, model),
    only('probes know the registry', 'server/src/probes/', 'server/src/registry/', model),
    ...doors.map((door) =>
      only(
        `${door} knows the registry`,
        `server/src/${door}/`,
        'server/src/registry/',
        model,
        ...(door === 'http' ? [] : [proto]),
      ),
    ),
    only('the server knows the contract', 'server/', proto),
    only('the contract stands alone', 'proto/'),
    only('the SDK knows the contract', 'client/', proto),
    only('the agent is a client', 'agent/', proto, client),
    only('the command knows the SDK', 'cli/', proto, client, agent, server),
    {
      name: 'only serve starts a registry',
      severity: 'error',
      from: { path: '^cli/', pathNot: '^cli/src/commands/serve\\.ts$' },
      to: { path: `^${server}` },
    },
    {
      name: 'serve loads the registry when it starts one',
      severity: 'error',
      from: { path: '^cli/src/commands/serve\\.ts$' },
      to: { path: `^${server}`, dynamic: false },
    },
    only('an example uses what a user can use', 'examples/', proto, client),
    keptIn(
      'native code stays in its engine',
      '(^|/)(@types/)?better-sqlite3(/|$)',
      '^server/src/store/sqlite/',
    ),
    keptIn('no reaching into grpc-js', '@grpc/grpc-js/(?!build/src/index\\.|package\\.json)', [
      '^client/src/grpc/adapter\\.ts$',
      'node_modules',
    ]),
  ],
  options: {
    // Types are imports too: the model must not even name what it does not know.
    tsPreCompilationDeps: true,
    exclude: { path: '(\\.test\\.ts$|/gen/)' },
    // Built files end the search: a package is judged by its sources.
    doNotFollow: { path: '(node_modules|/dist/)' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
      mainFields: ['types', 'main'],
    },
  },
}
