import { Command, CommanderError, Option } from 'commander'
import { agent } from './commands/agent.ts'
import { type ApplyFlags, apply } from './commands/apply.ts'
import { type DeleteFlags, deleteObjects } from './commands/delete.ts'
import { describe } from './commands/describe.ts'
import { drain } from './commands/drain.ts'
import { type Choice, type GetFlags, get, OUTPUTS } from './commands/get.ts'
import { health } from './commands/health.ts'
import { type RegisterFlags, register } from './commands/register.ts'
import { type RunFlags, runProgram } from './commands/run.ts'
import { serve } from './commands/serve.ts'
import { version } from './commands/version.ts'
import { type WatchFlags, watch } from './commands/watch.ts'
import { type Context, DEFAULT_REGISTRY, type ExitCode, withRegistry } from './context.ts'
import { CommandError, UsageError } from './errors.ts'
import type { Terminal } from './terminal.ts'

const KINDS = `Kinds: services (svc), pods (po), endpoints (ep), endpointslices (eps).
Endpoints are the resolved sets; endpointslices are those written by hand.`

/**
 * The `roster` command. `args` are what follows the program's name. Never throws
 * for what a user or a registry does wrong: answers the exit code, 0 done, 1
 * failed, 2 the command line makes no sense.
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  // Before any parsing: all flags after these, --help too, are their own.
  if (args[0] === 'serve') return serve(args.slice(1))
  if (args[0] === 'agent') return agent(args.slice(1))
  let code: ExitCode = 0
  const program = createProgram(terminal, (result) => {
    code = result
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!(error instanceof UsageError || error instanceof CommandError)) throw error
    terminal.err(`error: ${error.message}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

function createProgram(terminal: Terminal, done: (code: ExitCode) => void): Command {
  const program = new Command('roster')
    .description('Kubernetes Services without Kubernetes')
    .option(
      '--registry <host:port>',
      `registry to talk to (env ROSTER_REGISTRY, default ${DEFAULT_REGISTRY})`,
    )
    .option('--token <token>', 'token the registry asks for (env ROSTER_TOKEN)')
    .option(
      '--ca <file>',
      'certificate authority of the registry, PEM; makes the connection use TLS',
    )
    .option(
      '-n, --namespace <name>',
      'namespace to work in (env ROSTER_NAMESPACE, default "default")',
    )
    .option('--timeout <duration>', 'how long one call may take (default 10s)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
    })
    .exitOverride()
    .helpCommand(false)
  const withContext: WithContext = async (command, act, spareMs) =>
    done(await withRegistry(terminal, command, act, spareMs))

  addReading(program, withContext)
  addWriting(program, withContext)
  const servers = {
    serve: 'start a registry in this process, and an agent beside it',
    agent: 'give programs of this node DNS names for services',
  }
  for (const [name, description] of Object.entries(servers)) {
    program
      .command(name)
      .description(`${description}; flags: roster ${name} --help`)
      .action(() => {
        const help = `see roster ${name} --help`
        throw new UsageError(`"${name}" comes first, its flags after it: ${help}`)
      })
  }
  program
    .command('health')
    .description('ask the registry whether it serves (grpc.health.v1); exit code 0 or 1')
    .action((_, command) => withContext(command, health))
  program
    .command('version')
    .description('print the version of this program')
    .action(() => terminal.out(`roster ${version()}\n`))
  return program
}

/** How much longer than --timeout the answer to a drain may take: the registry is to end the wait, not the call. */
const DRAIN_SPARE_MS = 5_000

type WithContext = (
  command: Command,
  act: (context: Context) => Promise<ExitCode>,
  spareMs?: number,
) => Promise<void>

const selector = () =>
  ['-l, --selector <selector>', "labels to select by, e.g. 'app=web,tier in (a,b)'"] as const
const allNamespaces = () => ['-A, --all-namespaces', 'in all namespaces'] as const

const output = (choices: readonly string[]) =>
  new Option('-o, --output <form>', 'form of the output').choices(choices).default('table')

/** Every value of a flag that may be given more than once. */
const collect = (value: string, all: readonly string[] | undefined): readonly string[] => [
  ...(all ?? []),
  value,
]

function addReading(program: Command, withContext: WithContext): void {
  program
    .command('get')
    .description('show objects')
    .argument('<kind>', 'kind, or KIND/NAME')
    .argument('[name...]', 'names; none: all')
    .option(...selector())
    .option(...allNamespaces())
    .addOption(output(OUTPUTS))
    .addHelpText('after', `\n${KINDS}`)
    .action((kind: string, names: readonly string[], flags: GetFlags, command: Command) =>
      withContext(command, (context) => get([kind, ...names], flags, context)),
    )
  program
    .command('describe')
    .description('show all that is known of objects')
    .argument('<kind>', 'kind, or KIND/NAME')
    .argument('[name...]', 'names; none: all')
    .option(...selector())
    .option(...allNamespaces())
    .addHelpText('after', `\n${KINDS}`)
    .action((kind: string, names: readonly string[], flags: Choice, command: Command) =>
      withContext(command, (context) => describe([kind, ...names], flags, context)),
    )
  program
    .command('watch')
    .description('show every change of endpoints as it comes, until interrupted')
    .argument('[service]', 'service to watch; it need not exist yet')
    .option('--all', 'every service of the namespace')
    .option(...allNamespaces())
    .addOption(output(['table', 'wide', 'json']))
    .action((service: string | undefined, flags: WatchFlags, command: Command) =>
      withContext(command, (context) => watch(service, flags, context)),
    )
}

function addWriting(program: Command, withContext: WithContext): void {
  program
    .command('apply')
    .description('create or change what manifests say: Service, Pod, EndpointSlice, List')
    .requiredOption(
      '-f, --filename <file>',
      'file or directory of YAML or JSON, - for standard input; repeatable',
      collect,
    )
    .option('--dry-run', 'do everything but store it')
    .action((flags: ApplyFlags, command: Command) =>
      withContext(command, (context) => apply(flags, context)),
    )
  program
    .command('delete')
    .description('delete objects; pods are deregistered')
    .argument('[kind]', 'kind, or KIND/NAME')
    .argument('[name...]', 'names')
    .option('-f, --filename <file>', 'delete what the manifests name; repeatable', collect)
    .option('--ignore-not-found', 'what is not there counts as deleted')
    .addHelpText('after', `\n${KINDS}`)
    .action(
      (kind: string | undefined, names: readonly string[], flags: DeleteFlags, command: Command) =>
        withContext(command, (context) =>
          deleteObjects(kind === undefined ? names : [kind, ...names], flags, context),
        ),
    )
  program
    .command('drain')
    .description('take a pod out of use: mark it, and wait until all who call it know')
    .argument('<pod>', 'name of the pod')
    .addHelpText(
      'after',
      `
The pod stays registered and finishes what it has; nobody sends it new calls.
Waits for --timeout at most, 10m at the longest. When time is up names those who
have not acknowledged and exits with 1; the pod stays marked.`,
    )
    .action((name: string, _, command: Command) =>
      withContext(command, (context) => drain(name, context), DRAIN_SPARE_MS),
    )
  program
    .command('register')
    .description('register a pod and keep it alive until interrupted, then deregister it')
    .argument('<name>', 'name of the pod')
    .option('--label <key=value>', 'label, by which services find the pod; repeatable', collect, [])
    .option(
      '--port <[name=]port[/protocol]>',
      'port it listens at, like http=8080/TCP; repeatable',
      collect,
    )
    .option(
      '--ip <address>',
      'address; a second one for the other IP family (default: the one toward the registry)',
      collect,
    )
    .option('--zone <zone>', 'zone it runs in')
    .option('--node <node>', 'node it runs on')
    .option('--weight <weight>', 'share of the calls against the others, 0 to 10000 (default 100)')
    .option('--ttl <duration>', 'how long it outlives its last sign of life', '15s')
    .action((name: string, flags: RegisterFlags, command: Command) =>
      withContext(command, (context) => register(name, flags, context)),
    )
  addRun(program, withContext)
}

function addRun(program: Command, withContext: WithContext): void {
  program
    .command('run')
    .description('run a program as a pod: registered while it runs, drained before it is stopped')
    .usage('[options] -- <command> [args...]')
    .argument('<command>', 'program to run')
    .argument('[args...]', 'its arguments')
    .option('--name <name>', 'name of the pod (default: the host name and a random part)')
    .option('-l, --label <key=value>', 'label, by which services find it; repeatable', collect)
    .option('--port <[name=]port[/protocol]>', 'port it listens at; repeatable', collect)
    .option(
      '--probe <probe>',
      'ready only while it answers: tcp:PORT, http:PORT/PATH or grpc:PORT[/SERVICE]',
    )
    .option('--address <ip>', 'its address; repeatable (default: the one to the registry)', collect)
    .option('--node <node>', 'node it runs on')
    .option('--zone <zone>', 'zone it runs in')
    .option('--weight <weight>', 'share of the calls against the others, 0 to 10000 (default 100)')
    .option('--grace <duration>', 'how long it may take to stop before it is killed', '30s')
    .option('--wait', 'start it when the pod is registered, not before')
    .addHelpText(
      'after',
      `
On SIGTERM or SIGINT the pod is drained: the registry tells its callers, they
acknowledge, and then the program gets the signal. A second one it gets at once.
SIGHUP is passed on. The exit code is the program's, 128 + N after signal N.
While the registry is away the program runs all the same, and is registered later.

  roster run -l app=web --port http=8080 --probe http:8080/healthz -- node web.js`,
    )
    .action((name: string, args: readonly string[], flags: RunFlags, command: Command) =>
      withContext(command, (context) => runProgram([name, ...args], flags, context)),
    )
}
