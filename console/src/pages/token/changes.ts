// Changes to a token's organizations, and the queries that they refetch.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ask } from '../../app/api';
import { errorText } from '../../app/LoadError';
import { AddOrganizationDocument, type AddOrganizationMutation } from '../../gql/graphql';
import { focusHeading } from '../../ui/focus';
import { showToast } from '../../ui/toast';

/** Adds an organization, or restores one that was removed. */
export function useAddOrganization(tokenId: string) {
  const client = useQueryClient();
  return useMutation<AddOrganizationMutation, Error, { id: string; name: string }>({
    mutationFn: ({ id }) => ask(AddOrganizationDocument, { input: { tokenId, organizationId: id } }),
    onSuccess: async (_, { name }) => {
      await refreshTokens(client);
      showToast(`${name} added.`);
      // The button that had the focus no longer exists.
      setTimeout(focusHeading);
    },
    onError: (error) => {
      showToast(errorText(error), { isError: true });
      return refreshTokens(client);
    },
  });
}

/** Refetches tokens and their events. */
export const refreshTokens = (client: ReturnType<typeof useQueryClient>) =>
  Promise.all([client.invalidateQueries({ queryKey: ['tokens'] }), client.invalidateQueries({ queryKey: ['events'] })]);
