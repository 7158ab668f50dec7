/** A message without the place it begins with, for where the place is said already. */
export function withoutPlace(message: string, place: string): string {
  return message.startsWith(`${place}: `) ? message.slice(place.length + 2) : message;
}
