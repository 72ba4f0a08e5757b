// uPlot inside Preact: made when the options change, fed when only the data do, as wide as its box.
// It is half of the page's code and no view needs it to be readable, so it comes in a file of its own,
// after the first paint.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";

interface Props {
  class: string;
  options: Omit<uPlot.Options, "width" | "height">; // compared by identity: make them with useMemo
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
      plot.current = new Made({ ...options, ...size() }, latest.current, element);
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
