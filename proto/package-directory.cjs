// CommonJS, because it is the one module kind that knows its folder when it is loaded
// from either build: `import.meta` does not compile to CommonJS.
exports.packageDirectory = __dirname
