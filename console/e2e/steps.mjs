// Steps that several browser tests share.

const field = (page, name) => page.getByLabel(name, { exact: true });

/** Signs in and waits for the next page. */
export async function signIn(page, url, { username, password }) {
  await page.goto(`${url}/sign-in`);
  await field(page, 'Username or email').fill(username);
  await field(page, 'Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((address) => address.pathname !== '/sign-in');
  await page.locator('h1').first().waitFor();
}

/** Sends a GraphQL request within the session of the page. */
export async function graphql(page, query, variables = {}) {
  return await page.evaluate(
    async ([query, variables]) => {
      const response = await fetch('/graphql', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Tokenward-Console': '1' },
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors } = await response.json();
      if (errors) throw new Error(JSON.stringify(errors));
      return data;
    },
    [query, variables],
  );
}
