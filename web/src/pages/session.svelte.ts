// Who the reader is to the portal, and what may be done.

import { get, guard, send } from "../api";

export interface Who {
  account: string;
  role: string;
  scopes: string[];
  csrf: string;
  may_run: boolean;
}

class Session {
  who = $state<Who>();

  /** Whether data may be put into the catalogue. */
  get mayWrite(): boolean {
    return this.who?.scopes.includes("write") ?? false;
  }

  /** Asks the portal who this is. */
  async ask(): Promise<void> {
    this.#hold(await get<Who>("/api/session"));
  }

  /** Logs in. Throws Fault where the name or the password is wrong. */
  async login(name: string, password: string): Promise<void> {
    this.#hold(await send<Who>("POST", "/api/session", { name, password }));
  }

  async logout(): Promise<void> {
    await send("DELETE", "/api/session");
    await this.ask();
  }

  #hold(who: Who): void {
    this.who = who;
    guard(who.csrf);
  }
}

export const session = new Session();
