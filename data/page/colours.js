// Colours that people who cannot tell red from green see as well: orange for surprise, blue against orange for signs.

const LEVELS = 64; // of a palette
const STOPS = {
  light: {
    surprise: ["#ffffff", "#fff1cf", "#fdd089", "#f3984a", "#d4551d", "#842004"],
    signed: ["#14508f", "#6ea6da", "#ffffff", "#f3a868", "#a8440a"],
    share: ["#ffffff", "#c3d9ef", "#6b9fd4", "#174a85"],
  },
  dark: {
    surprise: ["#1c1f26", "#38291c", "#734617", "#bf6c19", "#f2a440", "#ffe6ad"],
    signed: ["#86c1ff", "#2f6196", "#1c1f26", "#96531f", "#ffab5e"],
    share: ["#1c1f26", "#25486d", "#4a8fd6", "#bfdfff"],
  },
};

const channels = (colour) => [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));

function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// Each level has the colour of the ground, and of the ink that is read best on it.
function makePalette(stops) {
  const colours = stops.map(channels);
  return Array.from({ length: LEVELS + 1 }, (_, level) => {
    const place = (level / LEVELS) * (colours.length - 1);
    const low = Math.min(Math.floor(place), colours.length - 2);
    const rgb = colours[low].map((c, k) => Math.round(c + (place - low) * (colours[low + 1][k] - c)));
    return { ground: `rgb(${rgb.join(" ")})`, ink: luminance(rgb) > 0.2 ? "#16181d" : "#f4f2ee" };
  });
}

const PALETTES = Object.fromEntries(
  Object.entries(STOPS).map(([theme, palettes]) => [
    theme,
    Object.fromEntries(Object.entries(palettes).map(([name, stops]) => [name, makePalette(stops)])),
  ]),
);

const theme = () => document.documentElement.dataset.theme;

// The colour of a number from 0 to 1, or with the signed palette from -1 to 1.
function colourOf(palette, number) {
  const share = palette === "signed" ? (number + 1) / 2 : number;
  const level = Number.isFinite(share) ? Math.round(LEVELS * Math.min(1, Math.max(0, share))) : 0;
  return PALETTES[theme()][palette][level];
}

const cssVariable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const widths = new Map(); // of canvases: to ask for one while the page is drawn means to lay it out again

function widthOf(canvas) {
  if (!widths.get(canvas)) widths.set(canvas, canvas.clientWidth);
  return widths.get(canvas);
}

// A canvas as wide as its place on the page, sharp on every screen.
function prepareCanvas(canvas, height) {
  const width = widthOf(canvas), ratio = (window.devicePixelRatio || 1) * (Number(cssVariable("--zoom")) || 1);
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) {
    [canvas.width, canvas.height] = pixels;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
