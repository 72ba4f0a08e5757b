import { serviceColour } from "../model/colour";

export function Dot({ service }: { service: string }) {
  return <i class="dot" style={{ background: serviceColour(service) }} />;
}

export function ServiceChip({
  service,
  spans,
  errors = 0,
}: {
  service: string;
  spans?: number;
  errors?: number;
}) {
  return (
    <span class="chip" title={errors > 0 ? `${service}: ${errors} of ${spans} failed` : service}>
      <Dot service={service} />
      <span class="chip-name">{service}</span>
      {spans !== undefined && <span class="chip-count">{spans}</span>}
      {errors > 0 && <span class="chip-errors">{errors}</span>}
    </span>
  );
}
