import type { Dispatcher } from 'undici';
import type { Channel } from './channel.ts';
import type { HttpResponse } from './http.ts';

/** An answer that came over a channel, which is released when the body has been read, has failed or is not wanted. */
export class ChannelResponse implements HttpResponse {
  readonly #response: Dispatcher.ResponseData;
  readonly #channel: Channel;
  readonly #fail: (error: unknown) => unknown;
  #released = false;

  /** `fail` makes the error of a body that breaks off. */
  constructor(response: Dispatcher.ResponseData, channel: Channel, fail: (error: unknown) => unknown) {
    this.#response = response;
    this.#channel = channel;
    this.#fail = fail;
    response.body.once('close', () => this.#release());
  }

  get status(): number {
    return this.#response.statusCode;
  }

  header(name: string): string | undefined {
    const value = this.#response.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  async text(): Promise<string> {
    try {
      return await this.#response.body.text();
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#release();
    }
  }

  async *chunks(): AsyncIterable<Buffer> {
    try {
      for await (const chunk of this.#response.body) yield chunk as Buffer;
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#response.body.destroy();
      this.#release();
    }
  }

  discard(): void {
    this.#response.body.on('error', () => {});
    this.#response.body.destroy();
    this.#release();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#channel.release();
  }
}
