import { mount } from "svelte";
import App from "./App.svelte";
import { preferred, settle } from "./i18n";
import { theme } from "./shell/theme.svelte";
import "./shell/page.css";

theme.apply();
await settle(preferred());
mount(App, { target: document.getElementById("app") as HTMLElement });
