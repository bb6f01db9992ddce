package frameworks

import (
	"context"
	"testing"

	"github.com/go-smtptest/smtp/interop/frameworks/signup"
	"github.com/go-smtptest/smtp/smtptest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "signup")
}

var _ = Describe("signup", func() {
	var srv *smtptest.Server

	BeforeEach(func() {
		srv = smtptest.NewServer(GinkgoT()) // closed when the spec ends
	})

	It("welcomes a new user", func() {
		Expect(signup.Register(srv.Addr, "bob@example.com")).To(Succeed())

		Expect(srv.Wait(1)).To(ConsistOf(SatisfyAll(
			HaveField("To", ConsistOf("bob@example.com")),
			HaveField("Subject()", "Welcome"),
			HaveField("Text()", ContainSubstring("Glad to have you")),
		)))
	})

	It("says what the relay refused", func() {
		srv.Script(smtptest.Rule{On: "RCPT", Reply: "550 5.1.1 no such user"})
		Expect(signup.Register(srv.Addr, "bob@example.com")).To(MatchError(ContainSubstring("no such user")))
		Expect(srv.Messages()).To(BeEmpty())
	})
})

var _ = Describe("a cleanup", func() {
	It("is still served", func() {
		srv := smtptest.NewUnstartedServer(GinkgoT())
		srv.Handler = smtptest.HandlerFunc(func(context.Context, smtptest.Message) smtptest.Reply { return "" })
		srv.Start()
		DeferCleanup(func() { Expect(signup.Register(srv.Addr, "bob@example.com")).To(Succeed()) })
	})
})

func TestWelcomeWithGomega(t *testing.T) {
	g := NewWithT(t)
	srv := smtptest.NewServer(t)
	g.Expect(signup.Register(srv.Addr, "bob@example.com")).To(Succeed())
	g.Expect(srv.Wait(1)).To(ContainElement(HaveField("Subject()", "Welcome")))
}
