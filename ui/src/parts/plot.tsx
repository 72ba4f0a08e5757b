// uPlot inside Preact: made when the options change, fed when only the data do, as wide as its box.
// It is half of the page's code and no view needs it to be readable, so it comes in a file of its own,
// after the first paint.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";

export type PlotOptions = Omit<uPlot.Options, "width" | "height">;

interface Props {
  class: string;
  // Compared by identity: make them with useMemo. A function gets uPlot itself, for its ways of drawing.
  options: PlotOptions | ((made: typeof uPlot) => PlotOptions);
  data: uPlot.AlignedData;
  label: string; // what a reader who cannot see it should know
  onPlot?: (plot: uPlot | null) => void;
}

export function Plot({ class: className, options, data, label, onPlot }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(data);
  latest.current = data;
  useLayoutEffect(() => {
    const element = box.current!;
    const size = () => ({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(() => plot.current?.setSize(size()));
    let gone = false;
    void import("uplot").then(({ default: Made }) => {
      if (gone) return;
      const chosen = typeof options === "function" ? options(Made) : options;
      plot.current = new Made({ ...chosen, ...size() }, latest.current, element);
      onPlot?.(plot.current);
      observer.observe(element);
    });
    return () => {
      gone = true;
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
      onPlot?.(null);
    };
  }, [options]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div ref={box} class={className} role="img" aria-label={label} />;
}
