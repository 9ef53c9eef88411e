// JSON that is read by people and models outside of the tags around foreign data.

/** Not printable ASCII, letters, marks or digits; and what is invisible or changes the direction of text. */
const unsafe = /[^\x20-\x7e\p{L}\p{M}\p{N}]|\p{Default_Ignorable_Code_Point}|\p{Bidi_Control}/gu

/** A name with invisible or bidi characters is shown as escapes, which a JSON parser turns back into exactly this name. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, (character) =>
    [...Array(character.length).keys()].map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  )
}
