// What a fake container does once started.
import type { ContainerConfigOut } from '../generated/runtime.ts';

/** The life of one container's process. Without anything it runs until it is stopped and obeys SIGTERM at once. */
export interface ContainerScript {
  /** It exits by itself after this time; absent: never. */
  runMs?: number;
  /** Exit code of its own end; default 0. */
  exitCode?: number;
  /** The runtime's reason at its own end; default Completed or Error by exit code. */
  reason?: string;
  /** SIGTERM does nothing; only SIGKILL ends it. */
  ignoreSigterm?: boolean;
  /** Time from SIGTERM to its exit; default 0. */
  sigtermMs?: number;
  /** Exit code after SIGTERM; default 143. */
  sigtermExitCode?: number;
  /** StartContainer fails with this text; the container then counts as exited with code 128, reason StartError. */
  startError?: string;
  /** Written to its log when it starts, if the fake writes logs. */
  stdout?: string[];
  stderr?: string[];
  /** Written into the mounted termination message file when it exits. */
  terminationMessage?: string;
}

type Rule = (config: ContainerConfigOut) => ContainerScript | undefined;

/** Chooses the script of a new container: the rule added last wins. */
export class Scripts {
  #rules: Rule[] = [];

  add(rule: Rule): void {
    this.#rules.unshift(rule);
  }

  forImage(image: string, script: ContainerScript): void {
    this.add((c) => (c.image?.image === image || c.image?.userSpecifiedImage === image ? script : undefined));
  }

  /** For containers of this name, in any Pod. */
  forContainer(name: string, script: ContainerScript): void {
    this.add((c) => (c.metadata?.name === name ? script : undefined));
  }

  /** For containers whose command and arguments together start with these words. */
  forCommand(words: string[], script: ContainerScript): void {
    this.add((c) => (words.every((w, i) => [...c.command, ...c.args][i] === w) ? script : undefined));
  }

  scriptOf(config: ContainerConfigOut): ContainerScript {
    for (const rule of this.#rules) {
      const script = rule(config);
      if (script) return script;
    }
    return {};
  }
}
