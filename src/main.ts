import { ask, replayFile } from './cli/ask.ts';
import { planFiles } from './cli/planFiles.ts';
import { parseCommand } from './config/command.ts';
import { parseFlags } from './config/flags.ts';
import { type LoadedConfiguration, loadConfiguration } from './config/load.ts';
import { ConfigurationError } from './config/problem.ts';
import type { Joined } from './join/k3s/join.ts';
import { errorMessage } from './lib/errors.ts';
import { createLogger, type Logger } from './lib/logger.ts';
import { printable } from './lib/printable.ts';
import { verbosity } from './lib/verbosity.ts';

/** Exit codes: 0 done, 1 it failed (a replay that differs too), 2 the command line or configuration is wrong. */
async function main(args: readonly string[]): Promise<number | undefined> {
  const command = parseCommand(args);
  switch (command.kind) {
    case 'print':
      process.stdout.write(command.text.endsWith('\n') ? command.text : `${command.text}\n`);
      return 0;
    case 'why':
    case 'timeline':
      process.stdout.write(await ask(command));
      return 0;
    case 'replay': {
      const { same, text } = await replayFile(command);
      process.stdout.write(printable(text));
      return same ? 0 : 1;
    }
    case 'plan': {
      const { ok, text } = await planFiles(command);
      process.stdout.write(printable(text));
      return ok ? 0 : 1;
    }
    case 'preflight': {
      const { preflightCheck } = await import('./cli/preflight/preflight.ts');
      const { ok, text } = await preflightCheck(command);
      process.stdout.write(printable(text));
      return ok ? 0 : 1;
    }
    case 'join': {
      const { runJoin } = await import('./join/k3s/join.ts');
      const joined = await runJoin(command.args, process.env);
      if ('help' in joined) process.stdout.write(`${joined.help}\n`);
      else await run(loadConfiguration(parseFlags(joined.arguments)), joined);
      return undefined;
    }
    case 'run':
      await run(loadConfiguration(command.flags));
      return undefined;
  }
}

function loggerFor({ config }: LoadedConfiguration): Logger {
  verbosity.level = config.logging.verbosity;
  return createLogger({
    format: config.logging.format === 'json' ? 'json' : 'text',
    verbosity: () => verbosity.level,
  });
}

/**
 * Runs until SIGTERM or SIGINT. Pods go on running without us: a kubelet's end is not its Pods' end. `joined` is what a cluster wants
 * of its nodes besides a kubelet; it ends with the agent.
 */
async function run(loaded: LoadedConfiguration, joined?: Joined): Promise<void> {
  const log = loggerFor(loaded);
  for (const warning of loaded.warnings) log.warn(warning);
  process.on('unhandledRejection', (reason) =>
    log.error('a failure nobody waited for', { error: errorMessage(reason) }),
  );
  // Loaded only here: kubeadm and scripts run `kubelet --version`, and should not wait for all of the program.
  const { limitArenas } = await import('./lib/linux/limitArenas.ts');
  const { returnStartPages } = await import('./lib/linux/startPages.ts');
  limitArenas();
  const forgetStart = () =>
    returnStartPages().catch((error: unknown) =>
      log.debug('The memory of the start is kept', { error: errorMessage(error) }),
    );
  const { startAgent } = await import('./agent/agent.ts');
  let agent: AsyncDisposable | undefined;
  const leave = (code: number) => {
    const ended = agent?.[Symbol.asyncDispose]() ?? Promise.resolve();
    const allEnded = joined ? ended.then(() => joined[Symbol.asyncDispose]()) : ended;
    allEnded.then(
      () => process.exit(code),
      () => process.exit(1),
    );
    setTimeout(() => process.exit(code), 5_000).unref();
  };
  const end = (signal: NodeJS.Signals) => {
    log.info('ending; the Pods go on running', { signal });
    leave(0);
  };
  // Also while it starts: a runtime that does not answer may hold the start up for ever, and an end that was asked for is no failure.
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  const starting = startAgent(loaded, log);
  // Twice: without a runtime the start does not end.
  forgetStart();
  const started = await starting;
  agent = started;
  forgetStart();
  joined?.kubeletServes(loaded.config);
  started.fatal.then((error) => {
    log.error('ending; the Pods go on running', { error: errorMessage(error) });
    // Who asked for the lock file takes over: to a service manager that is no failure.
    leave((error as { code?: string }).code === 'LockContention' ? 0 : 1);
  });
}

main(process.argv.slice(2)).then(
  (code) => {
    if (code !== undefined) process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`kubelet-ts: ${printable(errorMessage(error))}\n`);
    process.exit(error instanceof ConfigurationError ? 2 : 1);
  },
);
