// A colour for every service: the same one in every view, for as long as the page is open.
// One palette for light and dark: each tone has at least 3:1 against both backgrounds. No red in it,
// because red means an error.
const PALETTE = [
  "#4a7fe0", "#1f9a90", "#bd7d12", "#7a9425", "#d0559a", "#4a9a46",
  "#d86a35", "#2a8fc2", "#8f6ae0", "#a9744a", "#6470d8", "#b256c6",
] as const; // prettier-ignore

const taken = new Map<string, string>();

// FNV-1a: the first wish depends on the name alone, so colours survive a reload of the page.
function hash(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

// For lines of a plot, in their order.
export function lineColour(i: number): string {
  return PALETTE[i % PALETTE.length]!;
}

export function serviceColour(name: string): string {
  let colour = taken.get(name);
  if (colour) return colour;
  const used = new Set(taken.values());
  const first = hash(name) % PALETTE.length;
  colour = PALETTE[first]!;
  for (let i = 0; used.size < PALETTE.length && used.has(colour); i++)
    colour = PALETTE[(first + i) % PALETTE.length]!;
  taken.set(name, colour);
  return colour;
}
