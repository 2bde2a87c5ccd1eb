/** What commands touch of their process; tests bring their own. */
export interface CliIo {
  env: NodeJS.ProcessEnv;
  /** Results: what a script reads. */
  write: (text: string) => void;
  /** Everything said to the person. */
  warn: (text: string) => void;
  setExitCode: (code: number) => void;
}
