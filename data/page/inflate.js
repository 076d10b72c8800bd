// Decompression (RFC 1950 and 1951) for browsers without DecompressionStream. It decodes bit by bit, and checks no sum.

const LENGTH_BASES = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const DISTANCE_BASES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const lengthBits = (code) => (code < 8 || code === 28 ? 0 : (code >> 2) - 1);
const distanceBits = (code) => (code < 4 ? 0 : (code >> 1) - 1);

// A canonical Huffman code: how many codes have each length, and the symbols in the order of their codes.
function huffmanCode(lengths) {
  const counts = new Uint16Array(16), symbols = [];
  for (const length of lengths) if (length) counts[length]++;
  for (let length = 1; length < 16; length++) {
    lengths.forEach((one, symbol) => { if (one === length) symbols.push(symbol); });
  }
  return { counts, symbols };
}

const repeated = (...runs) => runs.flatMap(([count, length]) => new Array(count).fill(length));

function inflateBytes(bytes) {
  let place = 2, bit = 0, size = 0, result = new Uint8Array(4 * bytes.length + 1024);

  const readBits = (count) => {
    let value = 0;
    for (let k = 0; k < count; k++) {
      value |= ((bytes[place] >> bit) & 1) << k;
      if (++bit === 8) { bit = 0; place++; }
    }
    return value;
  };
  const readSymbol = ({ counts, symbols }) => {
    let code = 0, first = 0, index = 0;
    for (let length = 1; length < 16; length++) {
      code |= readBits(1);
      const count = counts[length];
      if (code - count < first) return symbols[index + code - first];
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new Error("The network in this page is damaged.");
  };
  const write = (byte) => {
    if (size === result.length) {
      const larger = new Uint8Array(2 * size);
      larger.set(result);
      result = larger;
    }
    result[size++] = byte;
  };
  const readCodes = () => {
    const numLiterals = readBits(5) + 257, numDistances = readBits(5) + 1, numLengths = readBits(4) + 4;
    const own = new Array(19).fill(0);
    for (let k = 0; k < numLengths; k++) own[CODE_LENGTH_ORDER[k]] = readBits(3);
    const code = huffmanCode(own), lengths = [];
    while (lengths.length < numLiterals + numDistances) {
      const symbol = readSymbol(code);
      if (symbol < 16) lengths.push(symbol);
      else if (symbol === 16) lengths.push(...repeated([3 + readBits(2), lengths.at(-1)]));
      else lengths.push(...repeated([symbol === 17 ? 3 + readBits(3) : 11 + readBits(7), 0]));
    }
    return [huffmanCode(lengths.slice(0, numLiterals)), huffmanCode(lengths.slice(numLiterals))];
  };
  const readStored = () => {
    if (bit) { bit = 0; place++; }
    const count = bytes[place] | (bytes[place + 1] << 8);
    place += 4;
    for (let k = 0; k < count; k++) write(bytes[place++]);
  };
  const readCompressed = ([literals, distances]) => {
    for (let symbol = readSymbol(literals); symbol !== 256; symbol = readSymbol(literals)) {
      if (symbol < 256) { write(symbol); continue; }
      const length = LENGTH_BASES[symbol - 257] + readBits(lengthBits(symbol - 257));
      const code = readSymbol(distances), distance = DISTANCE_BASES[code] + readBits(distanceBits(code));
      for (let k = 0; k < length; k++) write(result[size - distance]);
    }
  };
  const fixed = [huffmanCode(repeated([144, 8], [112, 9], [24, 7], [8, 8])), huffmanCode(repeated([30, 5]))];
  for (let isLast = false; !isLast; ) {
    isLast = readBits(1) === 1;
    const kind = readBits(2);
    if (kind === 0) readStored();
    else readCompressed(kind === 1 ? fixed : readCodes());
  }
  return result.buffer.slice(0, size);
}
