import { render } from "preact";
import { startPolling } from "./api/status";
import { App } from "./app";
import "uplot/dist/uPlot.min.css";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/search.css";
import "./style/trace.css";
import "./style/details.css";
import "./style/empty.css";
import "./style/views.css";
import "./style/services.css";
import "./style/metrics.css";
import "./style/logs.css";

startPolling();
render(<App />, document.getElementById("app")!);
