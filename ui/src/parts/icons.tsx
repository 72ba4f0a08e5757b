// The few icons of the page: 16 by 16, one stroke, the colour of the text around them.
import type { ComponentChildren } from "preact";

function icon(children: ComponentChildren) {
  return function Icon() {
    return (
      <svg
        class="icon"
        viewBox="0 0 16 16"
        width="16"
        height="16"
        aria-hidden="true"
        focusable="false"
      >
        {children}
      </svg>
    );
  };
}

export const ChevronIcon = icon(<path d="M6 4l4 4-4 4" />);
export const CopyIcon = icon(<path d="M6 5.5h6.5V14H6zM10 5.5V2H3.5v8.5H6" />);
export const CheckIcon = icon(<path d="M3.5 8.5l3 3 6-7" />);
export const CloseIcon = icon(<path d="M4 4l8 8M12 4l-8 8" />);
export const SearchIcon = icon(
  <path d="M7 2.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM10.5 10.5L14 14" />,
);
export const RefreshIcon = icon(<path d="M13 8a5 5 0 11-1.6-3.7M13 2v3h-3" />);
export const BackIcon = icon(<path d="M10 3.5L5.5 8l4.5 4.5" />);
export const SunIcon = icon(
  <path d="M8 5.2a2.8 2.8 0 100 5.6 2.8 2.8 0 000-5.6zM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8L13 13M3 13l1.2-1.2M11.8 4.2L13 3" />,
);
export const MoonIcon = icon(<path d="M13.2 9.6A5.6 5.6 0 016.4 2.8a5.6 5.6 0 106.8 6.8z" />);
export const ExpandIcon = icon(<path d="M4 6l4-3.5L12 6M4 10l4 3.5L12 10" />);
export const CollapseIcon = icon(<path d="M4 2.5L8 6l4-3.5M4 13.5L8 10l4 3.5" />);

// Filled, because it has to be seen at the edge of the eye.
export function ErrorIcon({ label = "error" }: { label?: string }) {
  return (
    <svg
      class="icon-error"
      viewBox="0 0 16 16"
      width="14"
      height="14"
      role="img"
      aria-label={label}
    >
      <circle cx="8" cy="8" r="7" />
      <path d="M8 4.5v4M8 11v.6" />
    </svg>
  );
}
