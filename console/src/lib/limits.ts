// Limits of the service that forms check before they are sent.

/** The maximum number of organizations of a token. */
export const MAX_ORGANIZATIONS = 100;

/** The maximum number of characters in the description of a token. */
export const MAX_DESCRIPTION_LENGTH = 255;
