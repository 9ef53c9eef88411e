// The script that runs in pages, and the types of its functions. Each gets an element and arguments that JSON can hold; what it returns is
// untrusted, because the page can change what it uses.
export * from './elements.ts'
export * from './render.ts'
