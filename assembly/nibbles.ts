@inline
export function nibbleAt(key: usize, index: i32): u32 {
  const byte = <u32>load<u8>(key + (index >> 1));
  return index & 1 ? byte & 15 : byte >> 4;
}
