/** Objects of a list call, page after page until there is no next. */
export async function everyPage<Page extends { readonly nextPageToken: string }, T>(
  read: (pageToken: string) => Promise<Page>,
  objectsOf: (page: Page) => readonly T[],
): Promise<readonly T[]> {
  const objects: T[] = []
  let pageToken = ''
  do {
    const page = await read(pageToken)
    objects.push(...objectsOf(page))
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  return objects
}

/** The object of an answer, which a registry of this contract always sends. */
export function sent<T>(object: T | null | undefined): T {
  if (object === null || object === undefined) {
    throw new TypeError('the registry sent an answer without its object: is it a Roster registry?')
  }
  return object
}
