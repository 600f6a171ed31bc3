/** Catches what a screen throws, so that the rest of the app stays; another address is another try. */
import { Component, type ReactNode } from "react";
import { useLocation } from "react-router";
import { Problem } from "./problem";

interface BoundaryProps {
  /** The address that is shown; a failure belongs to one address. */
  address: string;
  children: ReactNode;
}

class Boundary extends Component<BoundaryProps, { failure: unknown; address: string }> {
  override state: { failure: unknown; address: string } = { failure: undefined, address: this.props.address };

  static getDerivedStateFromError(failure: unknown): { failure: unknown } {
    return { failure };
  }

  static getDerivedStateFromProps(props: BoundaryProps, state: { address: string }): { failure: undefined; address: string } | null {
    return props.address === state.address ? null : { failure: undefined, address: props.address };
  }

  override render(): ReactNode {
    if (this.state.failure === undefined) return this.props.children;
    return (
      <main className="page narrow" id="content">
        <Problem error={this.state.failure} onRetry={() => window.location.reload()} />
      </main>
    );
  }
}

export function ScreenBoundary({ children }: { children: ReactNode }) {
  const { pathname } = useLocation();
  return <Boundary address={pathname}>{children}</Boundary>;
}
