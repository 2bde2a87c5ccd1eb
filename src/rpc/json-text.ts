/** A result that is JSON text already: traces are too long to be made into objects first. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}
