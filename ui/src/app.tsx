// The frame that stands around every view, and the choice of the view by the address.
import { lazy } from "./lazy";
import { CrashGuard } from "./parts/crash-guard";
import { Live } from "./parts/live";
import { Nav } from "./parts/nav";
import { ThemeToggle } from "./parts/theme-toggle";
import { TraceIdBox } from "./parts/trace-id-box";
import { usePlace, type Place } from "./router";
import { NotFound } from "./views/not-found";
import { SearchView } from "./views/search";
import { TraceView } from "./views/trace";

const ServicesView = lazy(() => import("./views/services").then((m) => m.ServicesView));
const MetricsView = lazy(() => import("./views/metrics").then((m) => m.MetricsView));
const LogsView = lazy(() => import("./views/logs").then((m) => m.LogsView));

export function App() {
  const place = usePlace();
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="/search" aria-label="cryostorm: trace search">
          <img src="/logo.svg" width="22" height="22" alt="" />
          <span>cryostorm</span>
        </a>
        <Nav place={place} />
        <TraceIdBox />
        <Live />
        <ThemeToggle />
      </header>
      <main id="main">
        <CrashGuard key={place.path}>{view(place)}</CrashGuard>
      </main>
    </>
  );
}

function view(place: Place) {
  if (place.path === "/" || place.path === "/search") return <SearchView params={place.params} />;
  if (place.path === "/services") return <ServicesView params={place.params} />;
  if (place.path === "/metrics") return <MetricsView params={place.params} />;
  if (place.path === "/logs") return <LogsView params={place.params} />;
  const [, id] = /^\/trace\/([0-9a-fA-F]{1,32})$/.exec(place.path) ?? [];
  if (id) return <TraceView key={id} id={id.toLowerCase()} params={place.params} />;
  return <NotFound path={place.path} />;
}
