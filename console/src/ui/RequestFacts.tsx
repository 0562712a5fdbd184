// The facts of one request with a token.
import { describeUserAgent } from '../lib/userAgent';
import { Ago } from './Ago';
import { Badge } from './Badge';
import { Fact, Facts } from './Panel';

export interface Request {
  at: string;
  ipAddress?: string | null;
  userAgent?: string | null;
  method?: string | null;
  path?: string | null;
  scope?: string | null;
  allowed: boolean;
}

export function RequestFacts({ request }: { request: Request }) {
  const { userAgent } = request;
  return (
    <Facts>
      <Fact name="Verdict">
        <Badge tone={request.allowed ? 'ok' : 'danger'}>{request.allowed ? 'Allowed' : 'Denied'}</Badge>
      </Fact>
      <Fact name="Time">
        <Ago at={request.at} form="exact" />
      </Fact>
      <Fact name="IP address">
        <Code text={request.ipAddress} />
      </Fact>
      <Fact name="User agent">
        {userAgent ? (
          <>
            {describeUserAgent(userAgent)}
            {describeUserAgent(userAgent) !== userAgent && <p className="muted small">{userAgent}</p>}
          </>
        ) : (
          <Unknown />
        )}
      </Fact>
      <Fact name="Method">
        <Code text={request.method} />
      </Fact>
      <Fact name="Path">
        <Code text={request.path} />
      </Fact>
      <Fact name="Scope required">{request.scope ? <code>{request.scope}</code> : <span className="muted">None</span>}</Fact>
    </Facts>
  );
}

const Code = ({ text }: { text: string | null | undefined }) => (text ? <code>{text}</code> : <Unknown />);

const Unknown = () => <span className="muted">Unknown</span>;
